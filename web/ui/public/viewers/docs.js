const dark = matchMedia('(prefers-color-scheme: dark)').matches
document.documentElement.classList.toggle('dark-mode', dark)
// The document grows above the list of problems when it is read.
const showProblem = () => document.getElementById(location.hash.slice(1))?.scrollIntoView()
SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null, onComplete: showProblem,
})
addEventListener('hashchange', showProblem)
