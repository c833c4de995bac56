"""Figures, by the figures in them; how they look is seen in tests/real/test_plot_browser.py."""
