"""The genres that ID3v1 numbers, with Winamp's additions, and genres as ID3v2 writes them."""

import re
from collections.abc import Iterator

NAMES = tuple(
    """
Blues; Classic Rock; Country; Dance; Disco; Funk; Grunge; Hip-Hop; Jazz; Metal; New Age; Oldies;
Other; Pop; R&B; Rap; Reggae; Rock; Techno; Industrial; Alternative; Ska; Death Metal; Pranks;
Soundtrack; Euro-Techno; Ambient; Trip-Hop; Vocal; Jazz+Funk; Fusion; Trance; Classical;
Instrumental; Acid; House; Game; Sound Clip; Gospel; Noise; Alt. Rock; Bass; Soul; Punk; Space;
Meditative; Instrumental Pop; Instrumental Rock; Ethnic; Gothic; Darkwave; Techno-Industrial;
Electronic; Pop-Folk; Eurodance; Dream; Southern Rock; Comedy; Cult; Gangsta Rap; Top 40;
Christian Rap; Pop/Funk; Jungle; Native American; Cabaret; New Wave; Psychedelic; Rave;
Showtunes; Trailer; Lo-Fi; Tribal; Acid Punk; Acid Jazz; Polka; Retro; Musical; Rock & Roll;
Hard Rock; Folk; Folk-Rock; National Folk; Swing; Fast-Fusion; Bebop; Latin; Revival; Celtic;
Bluegrass; Avantgarde; Gothic Rock; Progressive Rock; Psychedelic Rock; Symphonic Rock; Slow
Rock; Big Band; Chorus; Easy Listening; Acoustic; Humour; Speech; Chanson; Opera; Chamber Music;
Sonata; Symphony; Booty Bass; Primus; Porn Groove; Satire; Slow Jam; Club; Tango; Samba;
Folklore; Ballad; Power Ballad; Rhythmic Soul; Freestyle; Duet; Punk Rock; Drum Solo; A
Cappella; Euro-House; Dance Hall; Goa; Drum & Bass; Club-House; Hardcore; Terror; Indie;
BritPop; Afro-Punk; Polsk Punk; Beat; Christian Gangsta Rap; Heavy Metal; Black Metal;
Crossover; Contemporary Christian; Christian Rock; Merengue; Salsa; Thrash Metal; Anime; JPop;
Synthpop; Abstract; Art Rock; Baroque; Bhangra; Big Beat; Breakbeat; Chillout; Downtempo; Dub;
EBM; Eclectic; Electro; Electroclash; Emo; Experimental; Garage; Global; IDM; Illbient;
Industro-Goth; Jam Band; Krautrock; Leftfield; Lounge; Math Rock; New Romantic; Nu-Breakz;
Post-Punk; Post-Rock; Psytrance; Shoegaze; Space Rock; Trop Rock; World Music; Neoclassical;
Audiobook; Audio Theatre; Neue Deutsche Welle; Podcast; Indie Rock; G-Funk; Dubstep; Garage
Rock; Psybient
""".replace("\n", " ")
    .strip()
    .split("; ")
)
WORDS = {"RX": "Remix", "CR": "Cover"}
_REFERENCE = re.compile(r"\((?!\()([0-9]{1,3}|RX|CR)\)")


def numbered(number: int) -> list[str]:
    """Return the genre with a number, if there is one."""
    return [NAMES[number]] if 0 <= number < len(NAMES) else []


def genres_of(text: str) -> Iterator[str]:
    """Yield the genres in a text: names, numbers, or references such as `(17)(RX)Rock`."""
    text = text.strip("\0 \ufeff")
    if text.isascii() and text.isdecimal() and len(text) <= 3:
        yield from numbered(int(text))
        return
    while match := _REFERENCE.match(text):
        yield from [WORDS[match[1]]] if match[1] in WORDS else numbered(int(match[1]))
        text = text[match.end() :]
    if text:
        yield text[1:] if text.startswith("((") else text
