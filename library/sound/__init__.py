"""What a clip sounds like: analysis, waveforms, previews. Decodes only in a confined process."""
