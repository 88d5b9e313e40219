"""Everything that touches ComfyUI's internals.

"Host" means ComfyUI, here and in the whole code.

io               the node interface, which also works with older hosts
node             the class that all nodes derive from
gate             checks the inputs of a node against its schema
errors           puts the node's name before an error message
budget, memory   refuses what needs more memory than there is
progress, apart  progress bars and cancelling for long work outside the model
levels           the noise schedule of a model as csd levels
fit              makes conditioning and masks fit the particles, before sampling
conditioning     conditioning of some of the particles, for one model call
control          the same for ControlNets
patches          patches on MODEL that have a row or a picture for each particle
rows             rows of tensors that belong to some of the particles
prompts          joins the prompts of single images to one for the set
chunking         how many particles go through the model at once
pages            several predictions in one batch of the model
mixing           what the host and guidance patches make of a pair of predictions
guider           guided predictions as a guider of the host
residual         the residual in noise or in velocity
distiller        the distillation as a sampler of the host
scene_distiller  the same for a scene of splats from a text (text_to_scene: one run of it)
scene_rounds     the rounds of an edit of a scene, kept in a file
loop             the steps of a run, and what goes on around them
run, record      one run of a sampler node, and what its report shows
states           keeps a run in a file and resumes it
fingerprint      tells whether a file belongs to the same run
refusals         refuses what cannot work, before any model runs
advice           warns of settings out of the model's range, before the run
forecast         what a run will take, told before it starts
presets          settings by family of models
preview, small   progress and previews of the whole set, and the pictures of its report
pictures         pictures for widgets of the page
peak             how much memory a run has taken
vae              a VAE that takes a few images at a time (vae_gradient: the gradient of its encoder)
perception       what a network sees in the pictures behind latents
multidiffusion   MultiDiffusion, for comparison
video            a VIDEO as footage
splats           a SPLAT as splats, whether or not the host has a class for it
folders          the host's input and output directories, and nothing outside them
demo_model       the embedded demo model, made of the host's own classes
flow_demo_model  the sharp demo model (object_demo_model: the one of objects)
"""
