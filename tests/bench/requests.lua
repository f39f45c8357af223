-- Requests for wrk. Arguments: contestant (bare, ours), path (book, slots), first number, slots, services, days, first day.
-- Every booking is another person with another phone and key; slots are walked with a stride, so few meet.
local contestant, path, number, slots, services, days, first
local headers = {["Content-Type"] = "application/json"}

function init(arguments)
  contestant, path = arguments[1], arguments[2]
  number, slots, services, days = tonumber(arguments[3]), tonumber(arguments[4]), tonumber(arguments[5]), tonumber(arguments[6])
  first = tonumber(arguments[7])
end

local function book()
  local slot = (number * 7919) % slots + 1
  local phone = string.format("09%08d", number % 100000000)
  if contestant == "bare" then
    return wrk.format("POST", "/bookings", headers,
      string.format('{"slot":%d,"name":"Nguyễn Thị Mẫu","phone":"%s"}', slot, phone))
  end
  headers["Idempotency-Key"] = string.format("bench-%012d", number)
  local service = math.floor((slot - 1) / (slots / services)) + 1
  return wrk.format("POST", "/api/v1/appointments", headers, string.format(
    '{"facility":"BENCH","service":"s%d","slot":%d,"patient":{"name":"Nguyễn Thị Mẫu","birth_year":1980,"phone":"%s"}}',
    service, slot, phone))
end

local function read()
  local day = os.date("!%Y-%m-%d", first + (number % days) * 86400)
  local service = number % services + 1
  if contestant == "bare" then
    local next_day = os.date("!%Y-%m-%d", first + (number % days + 1) * 86400)
    return wrk.format("GET", string.format(
      "/slots?service=%d&start=%sT00:00:00%%2B07:00&end=%sT00:00:00%%2B07:00", service, day, next_day))
  end
  return wrk.format("GET", string.format("/api/v1/slots?facility=BENCH&service=s%d&from=%s&to=%s", service, day, day))
end

function request()
  number = number + 1
  return path == "book" and book() or read()
end

function done(summary, latency, _)
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "refused": %d, "lost": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
