"""Who asks: logins and where they are found, what a registry wants of them, and the tokens that it gives."""
