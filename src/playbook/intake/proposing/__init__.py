"""From a folder of exports to a draft of its mapping; and why a mapping does not fit its exports."""
