import type { PoolClient } from 'pg'

/**
 * The tables that mirrors share, one step per version of the schema; a step that was released is never changed. Mirrors of the version
 * before and after a step run side by side while they are upgraded: a step adds, and takes away what no version in use reads any more.
 */
const STEPS = [
  `CREATE TABLE ledger_log (
     one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, genesis TEXT NOT NULL, genesis_keyid TEXT NOT NULL,
     sequence BIGINT NOT NULL, mac TEXT NOT NULL
   );
   CREATE TABLE ledger_operation (
     sequence BIGINT PRIMARY KEY, writer TEXT NOT NULL, number BIGINT NOT NULL, body TEXT NOT NULL, keyid TEXT NOT NULL, mac TEXT NOT NULL
   );
   CREATE TABLE ledger_document (sha256 TEXT PRIMARY KEY, body BYTEA NOT NULL);
   CREATE TABLE ledger_snapshot (
     sequence BIGINT PRIMARY KEY, log TEXT NOT NULL, mac TEXT NOT NULL, sha256 TEXT NOT NULL, parts INTEGER NOT NULL, keyid TEXT NOT NULL, seal TEXT NOT NULL,
     made_at TIMESTAMPTZ NOT NULL DEFAULT now()
   );
   CREATE TABLE ledger_snapshot_part (
     sequence BIGINT NOT NULL REFERENCES ledger_snapshot ON DELETE CASCADE, part INTEGER NOT NULL, body BYTEA NOT NULL,
     PRIMARY KEY (sequence, part)
   );
   CREATE TABLE ledger_mirror (
     name TEXT PRIMARY KEY, instance TEXT NOT NULL, version TEXT NOT NULL, policy TEXT NOT NULL, sequence BIGINT NOT NULL, seen_at TIMESTAMPTZ NOT NULL DEFAULT now()
   )`,
]

/** Any number, the same in every mirror: one at a time creates the tables. */
const SCHEMA_LOCK = 7_306_116

/** @throws Error when a later version of this program made the tables: it may mean something else by them */
export async function migrateShared(client: PoolClient): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK])
    await client.query('CREATE TABLE IF NOT EXISTS ledger_schema (version INTEGER NOT NULL)')
    const { rows } = await client.query<{ readonly version: number | null }>('SELECT max(version) AS version FROM ledger_schema')
    const version = rows[0]?.version ?? 0
    if (version > STEPS.length) throw new Error(`the shared ledger has schema ${String(version)}; this version knows ${String(STEPS.length)}: upgrade this mirror`)
    for (const step of STEPS.slice(version)) await client.query(step)
    if (version < STEPS.length) await client.query('INSERT INTO ledger_schema (version) VALUES ($1)', [STEPS.length])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}
