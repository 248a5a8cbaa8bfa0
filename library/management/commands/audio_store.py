"""Show, prune and warm this machine's audio store."""

import time
from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat
from tqdm import tqdm

from library.audio.errors import AudioUnavailableError
from library.audio.eviction import evict, scan
from library.audio.metadata import read_metadata
from library.models import Clip
from library.sources.opening import audio_store


class Command(BaseCommand):
    """The actions `show` (the default), `prune` and `warm`."""

    help = "Show the contents of the audio store, prune it, or fetch clips' audio in advance."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", nargs="?", choices=("show", "prune", "warm"), default="show")
        parser.add_argument(
            "--max-bytes",
            type=int,
            default=settings.CLIPS_AUDIO_STORE_BYTES,
            help="For prune: bytes to keep. 0 empties the store.",
        )
        parser.add_argument(
            "--clip",
            type=int,
            action="append",
            help="For warm: fetch only this clip. May be repeated.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(options)

    def _show(self, options: dict[str, Any]) -> None:
        folder = settings.AUDIO_STORE_DIR
        kept = scan(folder) if folder.exists() else []
        now = time.time()
        for entry in sorted(kept, key=lambda entry: entry.used_at, reverse=True):
            metadata = read_metadata(folder / f"{entry.key}.json")
            if metadata is None:
                state, url = "part", "(being fetched)"
            else:
                state, url = ("fresh" if metadata.fresh else "stale"), metadata.url
            ago = f"{(now - entry.used_at) / 60:.0f} min ago"
            self.stdout.write(f"{state:6}  {entry.size:>10}  {ago:>12}  {url}")
        total = sum(entry.size for entry in kept)
        limit = filesizeformat(settings.CLIPS_AUDIO_STORE_BYTES)
        self.stdout.write(f"{len(kept)} in {folder}: {filesizeformat(total)} of {limit}")

    def _prune(self, options: dict[str, Any]) -> None:
        if options["max_bytes"] < 0:
            raise CommandError("--max-bytes must be 0 or more.")
        if not settings.AUDIO_STORE_DIR.exists():
            self.stdout.write("The store is empty.")
            return
        done = evict(settings.AUDIO_STORE_DIR, options["max_bytes"], wait=True)
        self.stdout.write(
            f"{done.entries} removed ({filesizeformat(done.removed)}), "
            f"{filesizeformat(done.remaining)} left."
        )

    def _warm(self, options: dict[str, Any]) -> None:
        """Fetch missing audio one clip at a time, to spare the origins."""
        clips = Clip.objects.available().exclude(audio_url="")
        if options["clip"]:
            clips = clips.filter(pk__in=options["clip"])
            missing = sorted(set(options["clip"]) - set(clips.values_list("pk", flat=True)))
            if missing:
                raise CommandError(
                    f"Not found, or without an audio URL: {', '.join(map(str, missing))}"
                )
        failed = 0
        bar = tqdm(clips.order_by("pk").iterator(), total=clips.count(), unit="clip")
        for clip in bar:
            try:
                with closing(audio_store().open(clip.audio_url)) as audio:
                    for _ in audio.chunks(0, audio.size):
                        pass
            except AudioUnavailableError as error:
                failed += 1
                bar.write(f"clip {clip.pk}: {error.detail} ({error.code})")
        if failed:
            raise CommandError(f"Clips whose audio could not be fetched: {failed}.")
