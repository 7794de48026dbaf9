-- Sends the requests of a file in turn, each in one write, and tells what came of it as JSON.

local requests, next_one = {}, 0

function init(arguments)
  for body in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, nil, body)
  end
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function done(summary, latency, _)
  local wrong = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "p50": %.4f, "p90": %.4f, "p99": %.4f, ' ..
    '"longest": %.4f, "not_answered": %d, "refused": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3,
    wrong.connect + wrong.read + wrong.write + wrong.timeout, wrong.status))
end
