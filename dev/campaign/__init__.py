"""A seeded campaign: hostile graphs, files and faults against the extension in the real host.

graphs    random graphs, from the nodes' schemas
wild      values that a node should not get
world     small pictures, latents and what belongs to them, for the links of a graph
oracles   what may come of a graph
files     broken and crafted files
faults    memory that runs out, disks that are full, processes that are killed
soak      the real server: many runs, many cancels
report    the table of docs/campaign.md
"""
