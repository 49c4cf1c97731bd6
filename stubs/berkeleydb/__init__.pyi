# What avowal.stores.keyed uses of berkeleydb.
from berkeleydb import db as db
