import type { DatabaseSync } from 'node:sqlite'

/**
 * The ledger's tables, one step per version of the schema; a step that was released is never changed.
 * Times are milliseconds since 1970. `known` is a JSON array of every version any answer ever named: most packages never need a
 * row beside it, since only versions that appeared after the first answer have one in `appearance`.
 */
const STEPS = [
  `CREATE TABLE package (
     registry TEXT NOT NULL, name TEXT NOT NULL,
     first_seen INTEGER NOT NULL, seen_at INTEGER NOT NULL, known TEXT NOT NULL,
     PRIMARY KEY (registry, name)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE appearance (
     registry TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
     first_seen INTEGER NOT NULL, last_absent INTEGER NOT NULL,
     PRIMARY KEY (registry, name, version)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE record (
     registry TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
     integrity TEXT NOT NULL, recorded_at INTEGER NOT NULL, because TEXT NOT NULL,
     signatures TEXT NOT NULL, attestations TEXT,
     had_publish_attestation INTEGER NOT NULL, had_provenance INTEGER NOT NULL,
     PRIMARY KEY (registry, name, version)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE registry (registry TEXT PRIMARY KEY, signs INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE resets (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, name TEXT NOT NULL, version TEXT, reason TEXT NOT NULL) STRICT;`,
  `CREATE TABLE origin (name TEXT PRIMARY KEY, registry TEXT NOT NULL) STRICT, WITHOUT ROWID;
   INSERT OR IGNORE INTO origin (name, registry) SELECT name, registry FROM record ORDER BY recorded_at;`,
  `CREATE TABLE pinned_keys (registry TEXT PRIMARY KEY, document TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE published_evidence (
     name TEXT NOT NULL, version TEXT NOT NULL, integrity TEXT NOT NULL,
     predicate_type TEXT NOT NULL, public_good INTEGER NOT NULL, document TEXT NOT NULL,
     PRIMARY KEY (name, version, integrity)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE pin (
     registry TEXT NOT NULL, name TEXT NOT NULL, identity TEXT NOT NULL, version TEXT NOT NULL,
     since INTEGER NOT NULL, latest INTEGER NOT NULL, because TEXT NOT NULL, until INTEGER,
     PRIMARY KEY (registry, name, identity)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE identity_change (
     registry TEXT NOT NULL, name TEXT NOT NULL, identity TEXT NOT NULL, version TEXT NOT NULL,
     pinned TEXT NOT NULL, first_seen INTEGER NOT NULL,
     PRIMARY KEY (registry, name, identity, version)
   ) STRICT;
   CREATE INDEX identity_change_of ON identity_change (name);
   CREATE TABLE pin_decision (
     id INTEGER PRIMARY KEY, at INTEGER NOT NULL, registry TEXT NOT NULL, name TEXT NOT NULL,
     decision TEXT NOT NULL, identity TEXT NOT NULL, reason TEXT NOT NULL, decided_by TEXT
   ) STRICT;
   CREATE TABLE pin_state (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE imported (
     registry TEXT NOT NULL, name TEXT NOT NULL, confirmed_at INTEGER NOT NULL, serial INTEGER NOT NULL, keyid TEXT NOT NULL,
     PRIMARY KEY (registry, name)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE maintainers (name TEXT PRIMARY KEY, names TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE recall (
     id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, name TEXT NOT NULL, range TEXT NOT NULL,
     reason TEXT NOT NULL, decided_by TEXT, at INTEGER NOT NULL, lifted_at INTEGER, lifted_by TEXT, lift_reason TEXT
   ) STRICT;
   CREATE INDEX recall_of ON recall (name);`,
  `CREATE TABLE position (one INTEGER PRIMARY KEY CHECK (one = 1), log TEXT NOT NULL, sequence INTEGER NOT NULL, mac TEXT NOT NULL) STRICT;
   CREATE TABLE published_policy (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, file TEXT NOT NULL, texts TEXT NOT NULL, published_by TEXT) STRICT;`,
]

const UPGRADING = 'docs/replicas.md, Upgrading'

/** Of the newest schema that this version knows. */
export const LEDGER_SCHEMA = STEPS.length

/**
 * @param to - an earlier schema, for who tries what becomes of its files
 * @throws Error when a later version of this program wrote the file: it may hold what this one would lose
 */
export function migrate(database: DatabaseSync, to = LEDGER_SCHEMA): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
    if (version > LEDGER_SCHEMA) throw new Error(`ledger has schema ${version}; this version knows ${LEDGER_SCHEMA}: upgrade it, or restore the file of before (${UPGRADING})`)
    for (const step of STEPS.slice(version, to)) database.exec(step)
    database.exec(`PRAGMA user_version = ${Math.max(version, to)}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
