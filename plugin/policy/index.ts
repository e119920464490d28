/** The trust policy: text in, a compiled `Policy` out. Does no I/O, and is told the time. */
export { parsePolicy, presetPolicy } from './parse.ts'
export { describePolicy } from './describe.ts'
export { PRESETS, type Preset } from './presets.ts'
export { policySchema, type PresetName } from './schema.ts'
export type { TrustPolicy } from './compile.ts'
export type { EffectiveRule } from './rules.ts'
