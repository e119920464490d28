import type { Policy } from '../domain/ports.ts'
import type { Span } from '../domain/tracing.ts'
import type { PackageContext } from './context.ts'

/** All versions of a package, judged. */
export const evaluation = ({ document: { packument } }: PackageContext, { revision }: Policy): Span => ({
  name: 'policy evaluate',
  attributes: () => ({ 'provenance.package': packument.name, 'provenance.versions': packument.versions.size, 'provenance.policy_revision': revision }),
})
