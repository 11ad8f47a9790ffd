interface ScriptUrls {
  createScriptURL(url: string): string
}

declare global {
  interface Window {
    /** What it makes passes for a text in these types: constructors of workers take it, and they take texts. */
    trustedTypes?: { createPolicy(name: string, rules: ScriptUrls): ScriptUrls }
  }
}

/** The one policy for trusted types: a worker is a script of this build, and no text ever becomes a script. */
const policy = window.trustedTypes?.createPolicy('worker', {
  createScriptURL(url) {
    const { origin, pathname } = new URL(url, location.href)
    const isOurs = origin === location.origin && (import.meta.env.DEV || pathname.startsWith('/assets/'))
    if (!isOurs) throw new TypeError('not a worker of this page')
    return url
  },
})

/** A worker's address, as a browser with trusted types wants it. */
export function workerUrl(url: string): string {
  return policy?.createScriptURL(url) ?? url
}
