import { createFileRoute } from '@tanstack/react-router'
import { McpPage } from '@/features/manage/mcp/mcp-page'

export const Route = createFileRoute('/_app/settings/mcp')({ component: McpPage })
