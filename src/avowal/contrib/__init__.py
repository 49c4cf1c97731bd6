"""Parts for the frameworks of others: each module is named for the one it is for, and needs it."""
