-- Replaces CLIP in the path by the ID of a random clip: FIRST to LAST of the environment.
math.randomseed(os.time())
local requests = {}

function init()
  for id = tonumber(os.getenv("FIRST")), tonumber(os.getenv("LAST")) do
    requests[#requests + 1] = wrk.format(nil, (wrk.path:gsub("CLIP", tostring(id))))
  end
end

function request()
  return requests[math.random(#requests)]
end
