"""Analyses of clips' audio: which clips need one, making and saving it, waveforms, duplicates."""
