"""Who is compared: RUNTIME/NAME, what people call it, and how it is used here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    id: str
    title: str
    used: str
    version_of: str = ""  # a name in Kit.versions

    @property
    def runtime(self) -> str:
        return self.id.split("/")[0]


OURS = "resilicache"
GO_REDIS = "github.com/redis/go-redis/v9"
RUEIDIS = "github.com/redis/rueidis"
ASIDE = "github.com/redis/rueidis/rueidisaside"
JETCACHE = "github.com/mgtv-tech/jetcache-go"

ALL = [
    Contender("c/resilicache", "resilicache, C", "`rcache_fetch`, one cache for all threads", OURS),
    Contender("c/hiredis", "hiredis", "blocking GET, a connection for each thread", "hiredis"),
    Contender("lua5.4/resilicache", "resilicache, Lua 5.4", "`cache:fetch`", OURS),
    Contender("luajit/resilicache", "resilicache, LuaJIT", "`cache:fetch`, the C module", OURS),
    Contender("go/resilicache", "resilicache, Go", "`FetchSingle`, `FetchBatch`", OURS),
    Contender("go/rockscache", "rockscache", "`Fetch2`, `FetchBatch2`", "github.com/dtm-labs/rockscache"),
    Contender("go/rueidis", "rueidis", "plain GET, no local cache", RUEIDIS),
    Contender("go/rueidisaside", "rueidisaside", "`Get`, with its local cache", ASIDE),
    Contender("go/rueidisaside-remote", "rueidisaside, remote", "`Get`, local cache off", ASIDE),
    Contender("go/go-redis", "go-redis GET", "its pool as it comes", GO_REDIS),
    Contender("go/go-redis-hmget", "go-redis HMGET", "of three fields, as a hash of an entry has them", GO_REDIS),
    Contender("go/go-redis-cache", "go-redis/cache", "`Once`, no local cache", "github.com/go-redis/cache/v9"),
    Contender("go/jetcache-go", "jetcache-go", "`Once`, no local cache", JETCACHE),
    Contender("go/jetcache-go-local", "jetcache-go, local", "`Once`, TinyLFU before it", JETCACHE),
    Contender("blocking/resilicache", "resilicache, Python", "`Cache.fetch`", OURS),
    Contender("blocking/cffi", "bare cffi call", "the binding's one call of C, nothing around it", "cffi"),
    Contender("blocking/redis-py", "redis-py", "GET, with hiredis; batches by `pipeline`", "redis"),
    Contender("blocking/valkey-glide-sync", "valkey-glide-sync", "GET", "valkey-glide-sync"),
    Contender("blocking/dogpile.cache", "dogpile.cache", "`get_or_create`, Redis with distributed lock",
              "dogpile.cache"),
    Contender("asyncio/resilicache", "resilicache, asyncio", "`AsyncCache.fetch`", OURS),
    Contender("asyncio/redis-py", "redis-py asyncio", "GET, with hiredis", "redis"),
    Contender("asyncio/valkey-glide", "valkey-glide", "GET", "valkey-glide"),
    Contender("asyncio/cashews", "cashews", "its decorator", "cashews"),
    Contender("asyncio/aiocache", "aiocache", "`cached`, with pickle", "aiocache"),
    Contender("nginx/say", "ngx.say", "no look-up: what nginx itself costs", "nginx"),
    Contender("nginx/resilicache", "resty.resilicache", "`cache:fetch`", OURS),
    Contender("nginx/lua-resty-redis", "lua-resty-redis GET", "and keepalive, in the handler", "nginx/redis.lua"),
    Contender("nginx/lua-resty-redis-hmget", "lua-resty-redis HMGET", "of three fields, and keepalive, in the handler",
              "nginx/redis.lua"),
    Contender("nginx/mlcache", "lua-resty-mlcache", "`get`, a hit in shared memory (its LRU off)",
              "resty/mlcache.lua"),
    Contender("server/redis-benchmark", "redis-benchmark -P 32", "GET over two connections: what the server can do",
              "redis-benchmark"),
]
BY_ID = {contender.id: contender for contender in ALL}
