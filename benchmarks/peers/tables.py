"""Tables and representations that both peers share; run as a program, it creates the tables.

The environment has the address of the database: PEER_SOCKET, a folder, and PEER_DATABASE, a name.
"""

import os
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ADDRESS = f"postgres@/{os.environ['PEER_DATABASE']}?host={os.environ['PEER_SOCKET']}"
SYNC_URL = f"postgresql+psycopg://{ADDRESS}"
ASYNC_URL = f"postgresql+asyncpg://{ADDRESS}"
PIECE = 64 * 1024  # bytes of audio that are passed on at a time


class Base(DeclarativeBase):
    pass


class Clip(Base):
    __tablename__ = "clip"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    description: Mapped[str]
    genre: Mapped[str]
    duration: Mapped[float]
    audio_url: Mapped[str]
    play_count: Mapped[int] = mapped_column(insert_default=0)
    created_at: Mapped[datetime] = mapped_column(insert_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(insert_default=func.now())


class PlayEvent(Base):
    __tablename__ = "play_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clip.id"), index=True)
    played_at: Mapped[datetime] = mapped_column(insert_default=func.now())


class NewClip(BaseModel):
    title: str
    description: str = ""
    genre: str
    duration: float
    audio_url: str


class ShownClip(NewClip):
    model_config = ConfigDict(from_attributes=True)

    id: int
    play_count: int
    created_at: datetime
    updated_at: datetime


class Statistics(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    play_count: int


if __name__ == "__main__":
    Base.metadata.create_all(create_engine(SYNC_URL))
