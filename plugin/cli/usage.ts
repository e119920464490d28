import { ConfigurationError } from '../domain/errors.ts'

export const usage = (where: string, message: string, remedy: string): ConfigurationError => new ConfigurationError(where, [{ path: '', message, remedy }])
