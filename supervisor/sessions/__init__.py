"""Input and output towards workers, trees and the disk."""
