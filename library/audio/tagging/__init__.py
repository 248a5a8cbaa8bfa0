"""What the tags of a file say about it: ID3, Vorbis comments, the items of MP4 and RIFF INFO."""
