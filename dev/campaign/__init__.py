"""A seeded campaign: hostile graphs, files and faults against the extension in the real host.

graphs          random graphs, from the nodes' schemas
wild            values that a node should not get
world           small pictures, latents and what belongs to them, for the links of a graph
oracles         what may come of a graph
stopwatch       seconds, less those in which other programs had the processor
run             graphs in this process, each judged
served          graphs as prompts for the real server
soak            the real server: many runs, many cancels
files           broken and crafted files
faults          files that may not grow, writers that are killed at any moment, two writers
kills           writers that are killed at every touch of the disk
disks           nodes on a disk that is full or read-only
out_of_memory   memory that runs out in the model
report          the table of docs/campaign.md
"""
