"""Sets of images outside the model: as files, as videos, as view sets. Free of ComfyUI.

layout          where windows lie on the image that they were cut from
framing         how a picture is scaled and padded to a frame, and back
footage         frames and sound out of a video file
video_range     what a batch of frames was taken from
optical_flow    motion between frames, as a correspondence
view_set        views of one scene, in memory
nerfstudio      the same as a folder (transforms: its transforms.json; picture_files: its pictures, depth and masks)
state_file      the state of a run as a file
paths           which files a set may name, and how a folder appears whole or not at all
report          the picture of a run
"""
