"""The asynchronous peer: FastAPI with `async def` endpoints, asyncpg and `httpx`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.peers.tables import (
    ASYNC_URL,
    PIECE,
    Clip,
    NewClip,
    PlayEvent,
    ShownClip,
    Statistics,
)

new_session = async_sessionmaker(create_async_engine(ASYNC_URL), expire_on_commit=False)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(timeout=10) as app.state.client:
        yield


app = FastAPI(lifespan=lifespan)


async def open_session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


Database = Annotated[AsyncSession, Depends(open_session)]


async def find_clip(session: AsyncSession, clip_id: int) -> Clip:
    if clip := await session.get(Clip, clip_id):
        return clip
    raise HTTPException(404)


@app.get("/api/v1/clips", response_model=list[ShownClip])
async def list_clips(session: Database, limit: int = 100):
    return (await session.scalars(select(Clip).order_by(Clip.id).limit(limit))).all()


@app.post("/api/v1/clips", response_model=ShownClip, status_code=201)
async def add_clip(new: NewClip, session: Database):
    clip = Clip(**new.model_dump())
    session.add(clip)
    await session.commit()
    await session.refresh(clip)
    return clip


@app.get("/api/v1/clips/{clip_id}", response_model=ShownClip)
async def show_clip(clip_id: int, session: Database):
    return await find_clip(session, clip_id)


@app.get("/api/v1/clips/{clip_id}/stats", response_model=Statistics)
async def show_statistics(clip_id: int, session: Database):
    return await find_clip(session, clip_id)


@app.get("/api/v1/clips/{clip_id}/stream")
async def stream(clip_id: int, session: Database):
    clip = await find_clip(session, clip_id)
    url = clip.audio_url
    session.add(PlayEvent(clip_id=clip.id))
    clip.play_count = Clip.play_count + 1
    await session.commit()
    client: httpx.AsyncClient = app.state.client
    audio = await client.send(client.build_request("GET", url), stream=True)

    async def pieces() -> AsyncIterator[bytes]:
        try:
            async for piece in audio.aiter_bytes(PIECE):
                yield piece
        finally:
            await audio.aclose()

    headers = {"Content-Length": audio.headers["Content-Length"], "Accept-Ranges": "bytes"}
    return StreamingResponse(pieces(), media_type="audio/mpeg", headers=headers)
