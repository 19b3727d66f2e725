"""The domains of the world, one file each; see `playbook.world` for the contract."""
