"""The synchronous peer: FastAPI with `def` endpoints, psycopg and `requests`."""

from collections.abc import Iterator
from typing import Annotated

import requests
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.peers.tables import (
    PIECE,
    SYNC_URL,
    Clip,
    NewClip,
    PlayEvent,
    ShownClip,
    Statistics,
)

app = FastAPI()
new_session = sessionmaker(create_engine(SYNC_URL))


def open_session() -> Iterator[Session]:
    with new_session() as session:
        yield session


Database = Annotated[Session, Depends(open_session)]


def find_clip(session: Session, clip_id: int) -> Clip:
    """Not a dependency, since each costs FastAPI another turn of its thread pool."""
    if clip := session.get(Clip, clip_id):
        return clip
    raise HTTPException(404)


@app.get("/api/v1/clips", response_model=list[ShownClip])
def list_clips(session: Database, limit: int = 100):
    return session.scalars(select(Clip).order_by(Clip.id).limit(limit)).all()


@app.post("/api/v1/clips", response_model=ShownClip, status_code=201)
def add_clip(new: NewClip, session: Database):
    clip = Clip(**new.model_dump())
    session.add(clip)
    session.commit()
    session.refresh(clip)
    return clip


@app.get("/api/v1/clips/{clip_id}", response_model=ShownClip)
def show_clip(clip_id: int, session: Database):
    return find_clip(session, clip_id)


@app.get("/api/v1/clips/{clip_id}/stats", response_model=Statistics)
def show_statistics(clip_id: int, session: Database):
    return find_clip(session, clip_id)


@app.get("/api/v1/clips/{clip_id}/stream")
def stream(clip_id: int, session: Database):
    clip = find_clip(session, clip_id)
    url = clip.audio_url
    session.add(PlayEvent(clip_id=clip.id))
    clip.play_count = Clip.play_count + 1
    session.commit()
    audio = requests.get(url, stream=True, timeout=10)
    headers = {"Content-Length": audio.headers["Content-Length"], "Accept-Ranges": "bytes"}
    return StreamingResponse(audio.iter_content(PIECE), media_type="audio/mpeg", headers=headers)
