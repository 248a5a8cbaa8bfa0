-- Clips as streams need them (library.changes.clip_rows.ClipRow): an array with an array for each
-- clip that exists. During an upgrade, processes of the last version call that of
-- 0014_read_clips.sql, which lacks the renditions and the ETag of the audio that was analysed.
CREATE FUNCTION library_stream_clips(wanted bigint[]) RETURNS json
LANGUAGE plpgsql STABLE AS $function$
BEGIN
    RETURN (
        SELECT coalesce(json_agg(json_build_array(
            id, title, audio_url, audio_file, state, withdrawn_reason, deleted_at IS NOT NULL,
            updated_at, concat(ctid, xmin), renditions, coalesce(
                audio->>'etag', -- otherwise, the analysis may have failed
                (SELECT audio_etag FROM library_audioanalysis WHERE clip_id = library_clip.id)
            )
        )), '[]') FROM library_clip WHERE id = ANY(wanted)
    );
END
$function$ SET enable_seqscan = off SET jit = off;
