"""Pages for the public: the library, a page for each clip, embeds, feeds, and documents."""
