import { area } from '.'
import { mcp as en } from './en/mcp'
import { mcp as zh } from './zh-CN/mcp'

export const mcp = area(en, zh)
