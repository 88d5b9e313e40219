"""Everything that touches ComfyUI's internals.

io               the node interface, tolerant of older hosts
levels           the model's noise schedule as csd levels
fit              conditioning and masks made to fit the particles, before sampling
conditioning     conditioning of some of the particles, for one model call (rows: of tensors)
control          the same for ControlNets
patches          patches on MODEL with a row or a picture for each particle
chunking         how many particles go through the model at once
pages            several predictions in one batch of the model
mixing           what the host and guidance patches make of a pair of predictions
guider           guided predictions through the host's guider path
residual         which residual the guider asks for: in noise, or in velocity
distiller        the distillation loop as a host sampler, with its record
run              one run of it, from a node's inputs to its latents
multidiffusion   windows averaged inside any core sampler, for comparison
states           a run kept in a file, and taken up from it (fingerprint: whether it is the same run)
vae              a VAE that takes few images at a time
prompts          prompts of single images joined to one for the set
refusals         what cannot work here, said before any model runs
video            a VIDEO as footage
folders          the host's input and output directories, and nothing outside them
preview          progress and previews of the whole
progress         the progress bar of long work outside the model
apart            long work in a thread, left where the run is cancelled
node             the class that all nodes derive from
gate             what comes into a node, checked against its schema
budget           what a node is about to make, weighed against the memory (memory: how much there is)
errors           messages that say which node speaks
demo_model       the embedded demo model out of the host's own classes
flow_demo_model  the sharp demo model, likewise
"""
