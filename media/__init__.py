"""Sets of images outside the model: as files, as videos, as view sets. Free of ComfyUI.

layout          where windows lie on the image that they were cut from
framing         how a picture is scaled and padded to a frame, and back
footage         frames out of a video file (sound: its sound)
video_range     a batch of frames taken from footage, and brought back to its size
optical_flow    motion between frames, as a correspondence (pairs: of which frames)
view_set        views of one scene, in memory
nerfstudio      the same as a folder (transforms: its transforms.json; picture_files: its pictures, depth and masks;
                array_files: depth as arrays of numbers)
state_file      the state of a run as a file
paths           which files a set may name, and how a folder appears whole or not at all
report          the picture of a run
work            how long work is followed, and asks whether there is memory for it
"""
