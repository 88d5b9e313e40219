"""Sets of images outside the model: files, videos and view sets. Does not import ComfyUI.

layout          where windows lie on the image that they were cut from
framing         how a picture is scaled and padded to a frame, and back
footage         frames of a video file
sound           the sound of a video file
video_range     a stretch of footage as a batch of frames, and back to its size
optical_flow    motion between frames, as a correspondence
pairs           which frames the motion is measured between
view_set        views of one scene, in memory
nerfstudio      views of one scene, as a folder
depth_anything  views of pictures whose cameras and depth a model has estimated
transforms      the transforms.json of such a folder
picture_files   pictures, depth and masks as files
picture_set     a folder of pictures as one batch
array_files     arrays of numbers as files
state_file      the state of a run as a file
paths           which files a set may name, and how a folder is written whole or not at all
report, plots   the card of a run, and its curves
measures        how far an edit goes, and how evenly
work            how long work reports progress, and asks whether there is enough memory
"""
