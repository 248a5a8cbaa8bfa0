-- Clips as streams need them (library.changes.clip_rows.ClipRow): an array with an array for each
-- clip that exists.
CREATE FUNCTION library_read_clips(wanted bigint[]) RETURNS json
LANGUAGE plpgsql STABLE AS $function$
BEGIN
    RETURN (
        SELECT coalesce(json_agg(json_build_array(
            id, title, audio_url, audio_file, state, withdrawn_reason, deleted_at IS NOT NULL,
            updated_at, concat(ctid, xmin)
        )), '[]') FROM library_clip WHERE id = ANY(wanted)
    );
END
$function$ SET enable_seqscan = off SET jit = off;
