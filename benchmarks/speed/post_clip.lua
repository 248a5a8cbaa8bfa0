-- Posts clips, each with another URL. Nothing listens there.
local sent, run = 0, os.time()
local body = '{"title":"Posted %d","description":"A description of the new clip","genre":"electronic",'
  .. '"duration":30.5,"audio_url":"http://127.0.0.1:9/%d-%d.mp3"}'

function request()
  sent = sent + 1
  return wrk.format("POST", nil, {["Content-Type"] = "application/json"},
    body:format(sent, run, sent))
end
