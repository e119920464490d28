/** `node scripts/docs.ts`: writes the pages of docs/ that are made from code and data. Tests compare them. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { casesDocument } from './docs/cases.ts'
import { reasonsDocument } from './docs/reasons.ts'

const DOCS = path.resolve(import.meta.dirname, '../docs')
writeFileSync(path.join(DOCS, 'reasons.md'), reasonsDocument())
writeFileSync(path.join(DOCS, 'cases.md'), casesDocument())
