-- For wrk: creates resources one after the other, and polls the operation of each until it has succeeded.
-- Arguments: prefix of the resources' paths, query, file with the body.

local prefix, query, body, number, polls  -- operations is global, because done() reads it

function setup(thread)
   threads = threads or {}
   table.insert(threads, thread)
end

function init(arguments)
   prefix, query = arguments[1], arguments[2]
   body = io.open(arguments[3]):read("*a")
   number, polls, operations = 0, {}, 0
end

function request()
   local poll = table.remove(polls)
   if poll then
      return wrk.format("GET", poll)
   end
   number = number + 1
   return wrk.format("PUT", prefix .. number .. query, nil, body)
end

function response(status, headers, content)
   local poll = headers["azure-asyncoperation"]
   if poll then
      table.insert(polls, (poll:gsub("^https://[^/]+", "")))
   elseif content:find('"Succeeded"', 1, true) then
      operations = operations + 1
   else
      table.insert(polls, content:match('"id": ?"([^"]+)"') .. query)
   end
end

function done(summary)
   local ended = 0
   for _, thread in ipairs(threads) do
      ended = ended + thread:get("operations")
   end
   io.write(string.format("Operations/sec: %.2f\n", ended / (summary.duration / 1e6)))
end
