import { count } from '..'

export const plugins = {
  title: 'Plugins',
  lead: 'Skills, commands, agents and hooks of somebody else’s, in one folder.',
  install: 'Install a plugin',
  none: 'No plugin yet',
  noneText:
    'Install a folder or an archive with .claude-plugin/plugin.json. It is copied: nothing changes here unless you install it anew.',
  installTitle: 'Install a plugin',
  updateTitle: (name: string) => `Install ${name} anew`,
  warning:
    'Its hooks run in each session’s sandbox without anybody being asked. Install only what you trust.',
  from: 'From',
  origins: { archive: 'An archive', folder: 'A folder of the server' },
  archive: 'zip or tar.gz',
  folder: 'Folder of the plugin',
  folderHint: 'Below one in which your team may work.',
  update: 'Install anew',
  installed: (name: string) => `${name} is installed.`,
  version: (version: string) => `Version ${version}`,
  files: (n: number) => count(n, 'file', 'files'),
  brings: {
    skills: 'Skills',
    commands: 'Commands',
    agents: 'Agents',
    hooks: 'Hooks',
    mcp_servers: 'MCP servers, not started',
  },
  sha: 'SHA-256 of its files',
  consequence: 'Agents lose all that it brings with their next turn.',
} as const
