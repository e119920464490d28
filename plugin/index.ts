/** The plugin as Verdaccio loads it: the default export, constructed once per section that names it. */
import { ProvenancePlugin } from './plugin.ts'

export default ProvenancePlugin
export { ProvenancePlugin }
