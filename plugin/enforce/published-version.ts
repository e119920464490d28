import semver from 'semver'

/**
 * Whether a version is written in the one form that a registry stores: Semantic Versioning without `v`, spaces, leading zeros and
 * build metadata, which npm leaves out when it publishes. Any other would be a second name for the same version, and other bytes under it.
 */
export const isPublishable = (version: string): boolean => semver.valid(version) === version
