/**
 * The tables of the decision log, one step per version of the schema; a step that was released is never changed. `body` is what the
 * hash is of; the columns beside it say nothing that it does not, and are compared with it by `log verify`.
 */
const columns = (bigint: string, text: string): string => `
  chain INTEGER NOT NULL, sequence ${bigint} NOT NULL,
  at ${bigint} NOT NULL, kind ${text} NOT NULL, package ${text} NOT NULL, version ${text} NOT NULL, outcome ${text} NOT NULL, rule ${text} NOT NULL,
  codes ${text} NOT NULL, user_name ${text} NOT NULL, address ${text} NOT NULL, revision ${text} NOT NULL, evidence INTEGER NOT NULL,
  words ${text} NOT NULL, once ${text}, body ${text} NOT NULL, hash ${text} NOT NULL,
  PRIMARY KEY (chain, sequence)`

const INDICES = `
  CREATE INDEX decision_entry_kind ON decision_entry (kind, at);
  CREATE INDEX decision_entry_package ON decision_entry (package, at);
  CREATE UNIQUE INDEX decision_entry_once ON decision_entry (chain, once) WHERE once IS NOT NULL;`

export const SQLITE_STEPS: readonly string[] = [
  `CREATE TABLE decision_chain (chain INTEGER PRIMARY KEY, log TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
   CREATE TABLE decision_entry (${columns('INTEGER', 'TEXT')}) STRICT;
   CREATE INDEX decision_entry_at ON decision_entry (at, chain, sequence, kind, rule, codes, evidence);
   ${INDICES}
   CREATE TABLE decision_checkpoint (
     id INTEGER PRIMARY KEY, chain INTEGER NOT NULL, sequence INTEGER NOT NULL, kind TEXT NOT NULL, kept INTEGER NOT NULL, at INTEGER NOT NULL, envelope TEXT NOT NULL
   ) STRICT;
   CREATE INDEX decision_checkpoint_of ON decision_checkpoint (chain, sequence);`,
  `ALTER TABLE decision_entry ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
   DROP INDEX decision_entry_at;
   CREATE INDEX decision_entry_at ON decision_entry (at, chain, sequence, kind, rule, codes, evidence, times);`,
]

export const POSTGRES_STEPS: readonly string[] = [
  `CREATE TABLE decision_chain (chain SERIAL PRIMARY KEY, log TEXT NOT NULL UNIQUE, sequence BIGINT NOT NULL, hash TEXT NOT NULL);
   CREATE TABLE decision_entry (${columns('BIGINT', 'TEXT COLLATE "C"')});
   CREATE INDEX decision_entry_at ON decision_entry (at, chain, sequence) INCLUDE (kind, rule, codes, evidence);
   ${INDICES}
   CREATE TABLE decision_checkpoint (
     id BIGSERIAL PRIMARY KEY, chain INTEGER NOT NULL, sequence BIGINT NOT NULL, kind TEXT NOT NULL, kept INTEGER NOT NULL, at BIGINT NOT NULL, envelope TEXT NOT NULL
   );
   CREATE INDEX decision_checkpoint_of ON decision_checkpoint (chain, sequence);`,
  `ALTER TABLE decision_entry ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
   DROP INDEX decision_entry_at;
   CREATE INDEX decision_entry_at ON decision_entry (at, chain, sequence) INCLUDE (kind, rule, codes, evidence, times);`,
]

/** A later version of this program wrote the database: it may hold what this one would lose. */
export class LogSchemaError extends Error {
  override readonly name = 'LogSchemaError'
  constructor(where: string, found: number, known: number) {
    super(`${where}: the decision log has schema ${String(found)}, and this version knows ${String(known)}: run the version that wrote it, or a later one`)
  }
}
