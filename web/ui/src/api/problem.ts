import type { Problem } from './schema'

/** An answer that is no success, with what the server says about it in RFC 9457's form. */
export class ApiProblem extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail || problem.title)
    this.name = 'ApiProblem'
    this.problem = problem
  }

  get status() {
    return this.problem.status
  }

  get code() {
    return this.problem.code
  }

  /** What is wrong with each field, by the field's name. */
  get fields(): Record<string, string> {
    const fields = this.problem.errors ?? []
    return Object.fromEntries(fields.map(({ pointer, detail }) => [pointer.replace(/^\//, ''), detail]))
  }
}

/** The code under which a server that cannot be reached is known. */
export const UNREACHABLE = 'unreachable'

export function unreachable(): ApiProblem {
  return new ApiProblem({ type: '', title: '', status: 0, code: UNREACHABLE, detail: '' })
}

/** What went wrong, whatever was thrown. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error
  const detail = error instanceof Error ? error.message : String(error)
  return new ApiProblem({ type: '', title: detail, status: 0, code: 'page_failed', detail })
}
