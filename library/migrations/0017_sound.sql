-- As 0014_read_clips.sql, with the renditions and the ETag of the audio that was analysed.
CREATE OR REPLACE FUNCTION library_read_clips(wanted bigint[]) RETURNS json
LANGUAGE plpgsql STABLE AS $function$
BEGIN
    RETURN (
        SELECT coalesce(json_agg(json_build_array(
            id, title, audio_url, audio_file, state, withdrawn_reason, deleted_at IS NOT NULL,
            updated_at, concat(ctid, xmin), renditions, audio->>'etag'
        )), '[]') FROM library_clip WHERE id = ANY(wanted)
    );
END
$function$ SET enable_seqscan = off SET jit = off;
