"""How notices reach people: one file per channel beside its interface. It knows nothing of what it carries."""
