"""The one door for bodies of write endpoints: received whole, read strictly, refused by line."""
