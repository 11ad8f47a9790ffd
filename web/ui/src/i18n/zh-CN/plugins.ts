import type { Messages } from '..'
import type { plugins as en } from '../en/plugins'

export const plugins: Messages<typeof en> = {
  title: '插件',
  lead: '他人编写的技能、命令、智能体和钩子，打包在一个文件夹中。',
  install: '安装插件',
  none: '还没有插件',
  noneText: '安装含 .claude-plugin/plugin.json 的文件夹或压缩包。内容会被复制：除非重新安装，否则不会变化。',
  installTitle: '安装插件',
  updateTitle: (name) => `重新安装“${name}”`,
  warning: '它的钩子会在每个会话的沙箱中直接运行，不会询问任何人。只安装您信任的插件。',
  from: '来源',
  origins: { archive: '压缩包', folder: '服务器上的文件夹' },
  archive: 'zip 或 tar.gz',
  folder: '插件的文件夹',
  folderHint: '位于您的团队可以工作的文件夹之下。',
  update: '重新安装',
  installed: (name) => `已安装“${name}”。`,
  version: (version) => `版本 ${version}`,
  files: (n) => `${n} 个文件`,
  brings: {
    skills: '技能',
    commands: '命令',
    agents: '智能体',
    hooks: '钩子',
    mcp_servers: 'MCP 服务器（不启动）',
  },
  sha: '文件的 SHA-256',
  consequence: '智能体将从下一轮起失去它带来的一切。',
}
