import type { Messages } from '..'
import type { replay as en } from '../en/replay'

export const replay: Messages<typeof en> = {
  title: '回放',
  live: '前往实时会话',
  play: '播放',
  pause: '暂停',
  speed: '速度',
  position: '位置',
  at: (version, of) => `第 ${version} 个事件，共 ${of} 个`,
  previous: '上一个事件',
  next: '下一个事件',
  previousTurn: '上一轮',
  nextTurn: '下一轮',
  nextTool: '下一个工具',
  nextError: '下一个错误',
  link: '复制此刻的链接',
  linked: '链接已复制。',
  costSoFar: '至此费用',
  idle: (time) => `已略过 ${time} 的空闲`,
  legend: { text: '文本', tool: '工具', request: '请求', error: '错误', turn: '轮次' },
  outline: '事件分布',
  verify: {
    checking: '正在检查日志…',
    valid: '已验证',
    broken: '已损坏',
    text: (events) => `已重新计算 ${events} 个事件的哈希，每个都与前一个相连。没有任何改动、添加或遗漏。`,
    brokenText: (version) => `哈希链在第 ${version} 个事件处断裂，其后的内容不可信。`,
    head: '最后的哈希',
    again: '再次检查',
  },
}
