"""The story of one image: gathered from live data, told in chapters, written as a page, Markdown and an outline."""
