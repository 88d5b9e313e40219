"""Tooltips of widgets and sockets that several nodes have in common: what turning them does, then the formula."""

SEED = "Chooses the noise. The same seed gives the same result; another seed gives another one."

STEPS = (
    "How many times the images are moved. More: a stronger change, and a longer run. For edits try 40 with a step size "
    "of 2, or 20 with a step size of 3."
)

STEP_SIZE = (
    "How far each step moves the images. Higher: a stronger change in fewer steps. Too high: the images break. Try 1 "
    "to 3. Formula: theta - step_size * w(t) * direction."
)

GUIDANCE = (
    "How strongly the prompt pulls. Higher: a stronger change. Try 3 to 8 for edits, and about 15 for new images. "
    "Formula (classifier-free guidance): without_prompt + guidance * (with_prompt - without_prompt)."
)

IMAGE_GUIDANCE = (
    "How strongly the source image holds (InstructPix2Pix). Higher: closer to the source. Try 1.2 to 2.5; 1 is faster. "
    "Formula: none + image_guidance * (image - none) + guidance * (text - image)."
)

NOISE_LOW = (
    "The least noise of the run, as a fraction of training time. Lower: finer detail changes as well. Try 0.02 "
    "(paper). For flow models see CSD Timesteps."
)

NOISE_HIGH = (
    "The most noise of the run, as a fraction of training time. Higher: larger structures change. Edits at 0.5 keep "
    "the layout of the source (paper). For flow models see CSD Timesteps."
)

PARTICLES_PER_STEP = (
    "How many windows or frames each step moves, drawn at random. 0 moves all of them. Lower: faster steps, but more "
    "steps are needed (paper: 4 of 12). Frames coupled along their motion are always moved all together."
)

PARTICLES_AT_ONCE = (
    "How many windows or frames go through the model in one call. Higher: faster, but more memory. The result changes "
    "by rounding only."
)

LAYOUT = "Where the windows lie on the canvas, from CSD Particle Split. Leave it unconnected for frames or views."
COUPLING = (
    "How the images influence each other, from CSD Kernel. If not connected: the paper's kernel over whole images."
)
NOISE = "Which images get the same noise, from CSD Noise Field. If not connected: `canvas`."
TIMESTEPS = (
    "The order of the noise levels, and what their range means, from CSD Timesteps. If not connected: descending."
)
UPDATE = "How a step is taken, from CSD Update. If not connected: plain gradient descent (SGD) without decay."
BASELINE = (
    "What is subtracted from the prediction, from CSD Baseline or CSD Velocity. If not connected: the prediction from "
    "the source image without text (CSD-Edit)."
)
SAVINGS = "Makes the run faster at some cost in quality, from CSD Savings."
PRESET = (
    "Settings that fit the model, from CSD Preset. If connected, they take the place of steps, step_size, guidance, "
    "image_guidance and the noise range here. What else is connected still counts."
)
STATE = "Keeps the run in a file, from CSD State File. A run that was stopped can then go on."

NEIGHBOURS = (
    "Couples each frame with this many frames before it and as many after it. Higher: less flicker, but slower and "
    "more memory. Try 2."
)
ANCHORS = (
    "Couples every frame with this many frames spread evenly over the whole stretch. Higher: a long video drifts less. "
    "Try 2."
)

MODEL = "The diffusion model. LoRAs and patches on it act as usual."
INSTRUCTION = (
    "The instruction, such as `make it winter`, together with the source image (InstructPixToPixConditioning). For "
    "models without image input: a description of the edited image."
)
NO_INSTRUCTION = "The same as `positive`, with an empty or a negative prompt."
CORRESPONDENCE = "Where the images show the same thing. For CSD Kernel, CSD Noise Field and CSD Blend."
