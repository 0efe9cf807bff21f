/**
 * Removes keys and adds to the pass's own counts in one atomic step, so that a rerun after a crash still
 * knows what was removed. The grant is checked here, by the server's clock: nothing happens after it.
 * KEYS: counts, then the keys. ARGV: expiry (epoch ms), then the family of each key.
 * Returns how many keys went, or -1 when the grant has expired.
 */
export const REMOVE_KEYS = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now >= tonumber(ARGV[1]) then return -1 end
local removed = 0
for i = 2, #KEYS do
  if redis.call('UNLINK', KEYS[i]) == 1 then
    redis.call('HINCRBY', KEYS[1], 'erased|' .. ARGV[i], 1)
    removed = removed + 1
  end
end
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', now))
return removed`

/**
 * Takes the followed members out of an index set; Redis drops the set with its last one. Members added
 * meanwhile stay and are found again. KEYS: counts, set. ARGV: expiry, family, members.
 * Returns 1 when the set is gone, 0 when it is not, -1 when the grant has expired.
 */
export const EMPTY_SET = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now >= tonumber(ARGV[1]) then return -1 end
local removed = 0
for i = 3, #ARGV do removed = removed + redis.call('SREM', KEYS[2], ARGV[i]) end
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if removed > 0 then
  redis.call('HINCRBY', KEYS[1], 'erased|' .. ARGV[2], 1)
  redis.call('HSET', KEYS[1], 'at', string.format('%.0f', now))
end
return 1`
